package config

// readFiles reads the other files that c names, and finds what is wrong with them
// and with what they make of the rest.
func (d *decoder) readFiles(c *Config) {
	d.readOwners(c.Owners)
	d.readPrices(c)
	d.validateWhole(c)
}

// Files returns the other files that c was made from: what watches the
// configuration watches them too.
func (c *Config) Files() (names []string) {
	if c.Owners != nil && c.Owners.File != "" {
		names = append(names, string(c.Owners.File))
	}
	if c.Stamp != nil {
		names = append(names, string(c.Stamp.KeyFile))
	}
	for _, f := range c.Prices.Files {
		names = append(names, string(f))
	}
	return names
}
