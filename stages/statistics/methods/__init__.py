"""Methods of statistics that several questions share."""
