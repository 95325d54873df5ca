"""What the site needs beside the pages: formulas and flow charts without scripts."""
