package price

import "strings"

// azure names its regions in two ways ("Sweden Central", "swedencentral"), and
// prices of its data zones are told by the zone and not by the region.
const (
	azure    = "azure"
	dataZone = "data_zone"
)

// place is the name under which prices know a region: of Azure one form for both
// of its spellings, the zone of a deployment of a data zone, and one name for all
// that is the US government's. Of others, and of patterns, it is what it was.
func place(provider, deployment, region string) string {
	if provider != azure || region == "" || strings.Contains(region, "*") {
		return region
	}
	region = strings.ToLower(strings.ReplaceAll(region, " ", ""))
	switch {
	case strings.HasPrefix(region, "usgov") || strings.HasPrefix(region, "usdod"):
		return "us-gov"
	case deployment != dataZone:
		return region
	case strings.HasSuffix(strings.TrimRight(region, "0123456789"), "us"):
		return "us"
	}
	for _, z := range zones {
		if strings.HasPrefix(region, z.begins) {
			return z.zone
		}
	}
	return region
}

// zones are Azure's data zones by how the names of their regions begin: that of
// the EU has its member states, and neither Norway, Switzerland nor the UK.
// https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/deployment-types
var zones = [...]struct{ begins, zone string }{
	{"austria", "eu"}, {"belgium", "eu"}, {"denmark", "eu"}, {"finland", "eu"}, {"france", "eu"}, {"germany", "eu"}, {"greece", "eu"},
	{"italy", "eu"}, {"northeurope", "eu"}, {"poland", "eu"}, {"spain", "eu"}, {"sweden", "eu"}, {"westeurope", "eu"},
	{"australia", "apac"}, {"centralindia", "apac"}, {"eastasia", "apac"}, {"indonesia", "apac"}, {"japan", "apac"}, {"korea", "apac"},
	{"malaysia", "apac"}, {"newzealand", "apac"}, {"southeastasia", "apac"}, {"southindia", "apac"}, {"taiwan", "apac"}, {"westindia", "apac"},
}

// placed returns q as it is compared with rows: with its region under the name
// that prices know, and tier, size and quality in lower case ("4k", "hd").
func (q Query) placed() Query {
	q.Region = place(q.Provider, q.Deployment, q.Region)
	q.Tier, q.Size, q.Quality = strings.ToLower(q.Tier), strings.ToLower(q.Size), strings.ToLower(q.Quality)
	return q
}

// placed is the same of a row.
func (r Row) placed() Row {
	r.Region = place(r.Provider, r.Deployment, r.Region)
	r.Tier, r.Size, r.Quality = strings.ToLower(r.Tier), strings.ToLower(r.Size), strings.ToLower(r.Quality)
	return r
}
