package redisstore

import (
	_ "embed"

	"github.com/redis/rueidis"
)

// The parts that every script begins with.
var (
	//go:embed lua/clock.lua
	clock string
	//go:embed lua/sums.lua
	sums string
	//go:embed lua/accounts.lua
	accounts string
)

// The operations.
var (
	//go:embed lua/made.lua
	made string
	//go:embed lua/reserve.lua
	reserve string
	//go:embed lua/extend.lua
	extend string
	//go:embed lua/settle.lua
	settle string
	//go:embed lua/renew.lua
	renew string
	//go:embed lua/charge.lua
	charge string
	//go:embed lua/states.lua
	states string
	//go:embed lua/load.lua
	load string
	//go:embed lua/lapse.lua
	lapse string
)

// scripts are the operations, each of which the server knows by its hash once it
// has seen it.
type scripts struct{ made, reserve, extend, settle, renew, charge, states, load, lapse *rueidis.Lua }

// compile makes the scripts over a clock.
func compile(clock string) scripts {
	of := func(operation string) *rueidis.Lua {
		return rueidis.NewLuaScript(clock + sums + accounts + operation)
	}
	return scripts{of(made), of(reserve), of(extend), of(settle), of(renew), of(charge), of(states), of(load), of(lapse)}
}
