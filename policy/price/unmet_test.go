package price

import "testing"

func TestPlace(t *testing.T) {
	for _, x := range [...]struct{ provider, deployment, region, want string }{
		{"azure", "data_zone", "Sweden Central", "eu"},
		{"azure", "data_zone", "westeurope", "eu"},
		{"azure", "data_zone", "eu", "eu"},
		{"azure", "data_zone", "us", "us"},
		{"azure", "data_zone", "East US 2", "us"},
		{"azure", "data_zone", "northcentralus", "us"},
		{"azure", "data_zone", "Japan East", "apac"},
		{"azure", "data_zone", "apac", "apac"},
		{"azure", "data_zone", "norwayeast", "norwayeast"},
		{"azure", "data_zone", "uksouth", "uksouth"},
		{"azure", "regional", "Sweden Central", "swedencentral"},
		{"azure", "", "USGov Virginia", "us-gov"},
		{"azure", "data_zone", "usgovarizona", "us-gov"},
		{"azure", "", "us-gov", "us-gov"},
		{"azure", "data_zone", "*us", "*us"},
		{"azure", "data_zone", "global", "global"},
		{"azure", "data_zone", "", ""},
		{"bedrock", "data_zone", "us-east-1", "us-east-1"},
		{"vertex", "", "europe-west4", "europe-west4"},
		{"", "data_zone", "East US", "East US"},
	} {
		if got := place(x.provider, x.deployment, x.region); got != x.want {
			t.Errorf("place(%q, %q, %q) = %q, want %q", x.provider, x.deployment, x.region, got, x.want)
		}
	}
}

// A rate that names a region as Azure shows it holds as one that writes it as
// Azure's tools do, and both at once are ambiguous.
func TestAzureRegionsHaveTwoSpellings(t *testing.T) {
	in := func(id, region string) Row {
		return priced(id, "azure", "m", func(r *Row) { r.Region = region })
	}
	for _, written := range []string{"Sweden Central", "swedencentral"} {
		c, err := New([]Row{in("r", written)})
		if err != nil {
			t.Fatal(err)
		}
		for _, said := range []string{"Sweden Central", "swedencentral"} {
			if _, ok := c.Find(Query{Provider: "azure", Model: "m", Region: said}); !ok {
				t.Errorf("a row of %q does not hold in %q", written, said)
			}
		}
	}
	if _, err := New([]Row{in("a", "Sweden Central"), in("b", "swedencentral")}); err == nil {
		t.Error("one region is taken twice")
	}
}

func TestConditionsHaveNoCase(t *testing.T) {
	c, err := New([]Row{priced("r", "p", "m", func(r *Row) { r.Tier, r.Size, r.Quality = "Flex", "4K", "hd" })})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []Query{{Tier: "flex", Size: "4k", Quality: "HD"}, {Tier: "FLEX", Size: "4K", Quality: "hd"}} {
		q.Provider, q.Model = "p", "m"
		if row, ok := c.Find(q); !ok || c.Unmet(q, row) != (Unmet{}) {
			t.Errorf("%+v: %v, %v", q, row, ok)
		}
	}
}

func TestStandard(t *testing.T) {
	for tier, want := range map[string]bool{
		"": true, "default": true, "standard": true, "STANDARD": true, "auto": true, "on_demand": true, "ON_DEMAND": true, "standard_only": true,
		"batch": false, "flex": false, "priority": false, "defaults": false,
	} {
		if Standard(tier) != want {
			t.Errorf("Standard(%q) = %v", tier, !want)
		}
	}
}

func TestUnmet(t *testing.T) {
	tier := func(s string) func(*Row) { return func(r *Row) { r.Tier = s } }
	zone := func(r *Row) { r.Deployment, r.Region = "data_zone", "eu" }
	free := NewRow("free", "p", "gift")
	free.Free = true
	c, err := New([]Row{
		priced("plain", "p", "m"), priced("flex", "p", "m", tier("flex")), priced("eu", "p", "m", zone),
		priced("other", "p", "n"), priced("another's", "q", "n", zone), free,
	}, []Row{priced("own", "p", "mine"), priced("own zone", "p", "mine*", func(r *Row) { r.Deployment = "regional" })},
		[]Row{priced("late", "p", "mi*")})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range [...]struct {
		q    Query
		row  string
		want string
	}{
		{Query{Model: "m"}, "plain", ""},
		{Query{Model: "m", Tier: "Default"}, "plain", ""},
		{Query{Model: "m", Tier: "flex"}, "flex", ""},
		{Query{Model: "m", Tier: "priority"}, "plain", "tier=priority"},
		{Query{Model: "m", Deployment: "global"}, "plain", ""},
		{Query{Model: "m", Deployment: "data_zone", Region: "eu"}, "eu", ""},
		{Query{Model: "m", Deployment: "data_zone", Region: "eu", Tier: "flex"}, "eu", "tier=flex"},
		{Query{Model: "m", Deployment: "data_zone", Region: "us"}, "plain", "deployment=data_zone"},
		{Query{Model: "m", Deployment: "regional", Tier: "priority"}, "plain", "deployment=regional tier=priority"},
		{Query{Model: "n", Deployment: "data_zone"}, "other", ""}, // its rows know no deployments
		{Query{Model: "mine", Deployment: "data_zone"}, "late", ""},
		{Query{Model: "gift", Tier: "priority", Deployment: "regional"}, "free", ""},
	} {
		x.q.Provider = "p"
		row, ok := c.Find(x.q)
		if !ok || row.ID != x.row {
			t.Errorf("%+v: found %v, want %s", x.q, row, x.row)
			continue
		}
		if got := c.Unmet(x.q, row).String(); got != x.want {
			t.Errorf("%+v: unmet %q, want %q", x.q, got, x.want)
		}
		if got := c.Explain(x.q).Unmet.String(); got != x.want {
			t.Errorf("%+v: explained as %q, want %q", x.q, got, x.want)
		}
	}
}

// Of a tier or deployment that only the family of a snapshot has, the family's
// row holds, where both cost the same otherwise.
func TestSnapshotsTakeWhatTheirFamilyKnows(t *testing.T) {
	tier := func(s string) func(*Row) { return func(r *Row) { r.Tier = s } }
	zone := func(r *Row) { r.Deployment, r.Region = "data_zone", "eu" }
	dearer := func(r *Row) { r.Set(textClasses[0], 9_000_000) }
	rows := []Row{
		priced("family", "p", "m"), priced("flex", "p", "m", tier("flex")), priced("zone", "p", "m", zone),
		priced("same", "p", "m-2026-01-02"), priced("dear", "p", "m-2026-03-04", dearer),
		priced("partly", "p", "m-2026-05-06"), priced("partly flex", "p", "m-2026-05-06", tier("flex")),
	}
	c, err := New(rows)
	if err != nil {
		t.Fatal(err)
	}
	over, err := New(rows, []Row{priced("own", "p", "m-2026-01-02")})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range [...]struct {
		c    *Catalogue
		q    Query
		want string
	}{
		{c, Query{Model: "m-2026-01-02"}, "same"},
		{c, Query{Model: "M-2026-01-02", Tier: "flex"}, "flex"},
		{c, Query{Model: "x/m-2026-01-02", Tier: "flex"}, "flex"},
		{c, Query{Model: "m-2026-01-02", Tier: "priority"}, "same"},
		{c, Query{Model: "m-2026-01-02", Deployment: "data_zone", Region: "eu"}, "zone"},
		{c, Query{Model: "m-2026-01-02", Deployment: "data_zone", Region: "us"}, "same"},
		{c, Query{Model: "m-2026-01-02", Deployment: "data_zone", Region: "eu", Tier: "flex"}, "same"},
		{c, Query{Model: "m-2026-03-04", Tier: "flex"}, "dear"},
		{c, Query{Model: "m-2026-05-06", Tier: "flex"}, "partly flex"},
		{c, Query{Model: "m-2026-05-06", Deployment: "data_zone", Region: "eu"}, "zone"},
		{over, Query{Model: "m-2026-01-02", Tier: "flex"}, "own"},
	} {
		x.q.Provider = "p"
		row, ok := x.c.Find(x.q)
		if !ok || row.ID != x.want {
			t.Errorf("%+v: found %v, want %s", x.q, row, x.want)
		}
		if e := x.c.Explain(x.q); e.Row != row {
			t.Errorf("%+v: explained by %v", x.q, e.Row)
		}
	}
	q := Query{Provider: "p", Model: "m-2026-01-02", Tier: "flex"}
	if n := testing.AllocsPerRun(100, func() { c.Find(q) }); n != 0 {
		t.Errorf("it costs %v allocations", n)
	}
}
