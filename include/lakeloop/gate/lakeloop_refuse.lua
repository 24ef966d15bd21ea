local hook = require("hook")
hook.fail("main moves only by a gated merge; use the platform's publish or withdraw instead of " .. action.event_type)
