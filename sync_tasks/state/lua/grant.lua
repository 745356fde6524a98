-- Grant one request of an account, or return the wait.
-- ARGV: {question: see `grants.lua`}*
-- Returns the answer of `grants.lua`.
return grant(ARGV)
