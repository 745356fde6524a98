-- Let one request of an account pass, or say how long to wait. ARGV and what is returned: see `grants.lua`.
return grant(ARGV)
