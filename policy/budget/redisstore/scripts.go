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
	//go:embed lua/spend.lua
	spend string
	//go:embed lua/states.lua
	states string
	//go:embed lua/load.lua
	load string
	//go:embed lua/lapse.lua
	lapse string
	//go:embed lua/missing.lua
	missing string
	//go:embed lua/add.lua
	add string
	//go:embed lua/added.lua
	added string
	//go:embed lua/open.lua
	opening string
	//go:embed lua/noted.lua
	noted string
	//go:embed lua/note.lua
	noteOne string
	//go:embed lua/forget.lua
	forget string
	//go:embed lua/look.lua
	look string
	//go:embed lua/watch.lua
	watch string
	//go:embed lua/tell.lua
	telling string
)

// The operations of a Board, and what they begin with after the clock.
var (
	//go:embed lua/notes.lua
	listed string
	//go:embed lua/post.lua
	post string
	//go:embed lua/since.lua
	since string
)

// scripts are the operations, each of which the server knows by its hash once it
// has seen it.
type scripts struct {
	made, reserve, extend, settle, renew, spend, states, load, lapse *rueidis.Lua
	missing, add, added, open, noted, note, forget                   *rueidis.Lua // of parts
	look, watch, tell                                                *rueidis.Lua // of a Teller

	clock string // that they read
}

// compile makes the scripts over a clock.
func compile(clock string) scripts {
	of := func(operation string) *rueidis.Lua {
		return rueidis.NewLuaScript(clock + sums + accounts + operation)
	}
	return scripts{
		made: of(made), reserve: of(reserve), extend: of(extend), settle: of(settle), renew: of(renew), spend: of(spend), states: of(states), load: of(load), lapse: of(lapse),
		missing: of(missing), add: of(add), added: of(added), open: of(opening), noted: of(noted), note: of(noteOne), forget: of(forget),
		look: of(look), watch: of(watch), tell: of(telling),
		clock: clock,
	}
}
