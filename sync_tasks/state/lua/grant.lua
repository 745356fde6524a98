-- Let one request of an account pass, or say how long to wait.
-- ARGV: {question: see `grants.lua`}*
-- Returns what `grants.lua` says.
return grant(ARGV)
