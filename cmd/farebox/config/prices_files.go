package config

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"

	"github.com/farebox/farebox/policy/price"
)

// maxDeployments bounds prices.deployments.
const maxDeployments = 10_000

// member takes the model behind a name.
func (p *Deployments) member(d *decoder, path string, m member) bool {
	var model string
	at := path + "[" + clip(m.key) + "]"
	noted := len(d.errs)
	d.value(reflect.ValueOf(&model).Elem(), m.value, field{max: "256"}, at)
	switch {
	case len(d.errs) > noted:
	case model == "" || m.key == "" || len(m.key) > maxGlob:
		d.addAt(at, &Error{Message: fmt.Sprintf("names of 1 to %d bytes are possible", maxGlob), Hint: "write NAME: MODEL"})
	case len(p.Models) >= maxDeployments:
		d.addAt(path, &Error{Message: fmt.Sprintf("has more than %d names", maxDeployments)})
	default:
		if p.Models == nil {
			p.Models = make(map[string]string)
		}
		p.Models[m.key] = model
	}
	return true
}

func (p *Deployments) others() []string { return slices.Sorted(maps.Keys(p.Models)) }

// readPrices reads the tables of prices.files, and finds what is wrong with all
// prices together.
func (d *decoder) readPrices(c *Config) {
	c.Prices.Tables = nil
	for i, f := range c.Prices.Files {
		key := fmt.Sprintf("prices.files[%d]", i)
		rows, err := readTable(string(f), "config:"+key+":")
		if err == nil {
			_, err = price.New(rows)
		}
		if err != nil {
			for _, e := range causes(err) {
				d.addAt(key, &Error{Message: e.Error(), Hint: "write the table with `farebox prices import`, or as docs/prices.md tells"})
			}
			return
		}
		c.Prices.Tables = append(c.Prices.Tables, rows)
	}
	if len(d.errs) > 0 || len(c.Prices.Files) == 0 && c.Prices.Deployments == nil {
		return
	}
	if _, err := c.Catalogue(); err != nil {
		d.addAt("prices", &Error{Message: err.Error()})
	}
}

// readTable reads one table. The ids of its rows begin with where they are from,
// so that they are unlike those of the catalogue.
func readTable(path, from string) ([]price.Row, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer f.Close()
	rows, err := price.ReadCSV(f)
	if err != nil {
		return nil, fmt.Errorf("is no table of prices: %w", err)
	}
	for i := range rows {
		rows[i].ID = from + rows[i].ID
	}
	return rows, nil
}

// Catalogue returns the prices that calls are counted with: the built-in table,
// then the tables of prices.files, then prices.rates, of which a later one wins.
func (c *Config) Catalogue() (*price.Catalogue, error) {
	builtin, err := price.Builtin()
	if err != nil {
		return nil, fmt.Errorf("built-in prices: %w", err)
	}
	own, err := c.PriceRows()
	if err != nil {
		return nil, fmt.Errorf("configured prices: %w", err)
	}
	var o price.Options
	if c.Prices.Deployments != nil {
		o.Deployments = c.Prices.Deployments.Models
	}
	layers := append([][]price.Row{builtin}, c.Prices.Tables...)
	return price.NewWith(o, append(layers, own)...)
}
