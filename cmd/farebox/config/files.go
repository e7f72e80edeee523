package config

// Files returns the other files that c was made from: what watches the
// configuration watches them too.
func (c *Config) Files() []string { return nil }
