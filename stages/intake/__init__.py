"""Files that others wrote: no damage is more than one line, no declared size is believed."""
