"""Calgary-Campinas files, Fourier, coils and sensitivities, masks, noise."""
