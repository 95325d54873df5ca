"""What images and label maps were made from, as their sidecars record it, held together."""
