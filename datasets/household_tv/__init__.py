"""The simulated data set `household_tv`."""
