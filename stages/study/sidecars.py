"""Keys of the JSON files beside images and label maps, in the order of their writers.

Those that BIDS defines keep its spelling:
https://bids-specification.readthedocs.io/en/v1.10.0/derivatives/common-data-types.html.
"""

# of every volume
MD5 = "MD5"  # of the volume's own file
BYTES = "Bytes"  # its size
SOURCES = "Sources"  # BIDS URIs of what it was computed from
# of every image
SCAN = "ScanSHA256"  # identity of the scan's k-space
SPACE = "SpatialReference"
SKULL_STRIPPED = "SkullStripped"
UNITS = "Units"
PARTIAL_FOURIER = "PartialFourier"
DESCRIPTION = "Description"
# of images from undersampled k-space
RECONSTRUCTION = "Reconstruction"  # name of the group
MEMBER = "Member"
ACCELERATION_ACQUIRED = "AccelerationAcquired"
ACCELERATION_FULL = "AccelerationFull"
MASK = "MaskMD5"
# of images by a trained network; WEIGHTS of label maps: those of the segmenter
WEIGHTS = "WeightsMD5"
TRAINING = "Training"  # digests of what all members of an ensemble share
# of images by draws of one network
DRAWN_FROM = "DrawnFrom"  # group and member of the network
DRAW_METHOD = "DrawMethod"
DRAW_SEED = "DrawSeed"  # of the scan; None where the member alone says what is drawn
HEAD_SHIFT = "HeadShiftMillimetres"  # of a subject scanned again: along superior, anterior, right
HEAD_ROTATION = "HeadRotationDegrees"  # about the same axes
# of images with added noise
NOISE_SIGMA = "NoiseSigma"
NOISE_SNR = "NoiseSNR"
NOISE_DEFINITION = "NoiseDefinition"
NOISE_ACQUIRED_FRACTION = "NoiseAcquiredFraction"
NOISE_SEED = "NoiseSeed"
NOISE = (NOISE_SNR, NOISE_DEFINITION, NOISE_SIGMA, NOISE_ACQUIRED_FRACTION)  # of all members alike
# of maps of an image's SD under noise, which have NOISE_SIGMA, too: its root mean square over coils
NOISE_PROBES = "NoiseProbes"  # of a slice
NOISE_SMOOTHING = "NoiseSmoothingVoxels"
# of images from elsewhere
SOURCE_FILE = "SourceFile"  # its name there
SOURCE_MD5 = "SourceFileMD5"  # None of a DICOM series
INTENSITY_SCALE = "IntensityScale"
LABEL_FILE = "LabelFile"  # its label map, made elsewhere
LABEL_MD5 = "LabelFileMD5"
RESAMPLED = "Resampled"  # off, affine-only or rigid
# of label maps
IMAGE = "SourceMD5"  # of the image that was segmented
METHOD = "Method"  # of the segmenter
WEIGHTS_FILE = "Weights"  # name of the file
LABEL_TABLE = "LabelTableMD5"  # of the user's table of labels
COMMAND = "Command"  # template of the command that made it
COMMAND_MD5 = "CommandMD5"  # of the program
EXIT_CODE = "ExitCode"  # of the command
DRAW = "Draw"  # number of the shifted copy that was segmented in place of the image
OFFSET = "OffsetMM"  # RAS+, how far its content lies from that of the image, voxel for voxel
MODE = "Mode"  # SynthSeg's
FAST = "Fast"  # SynthSeg's
PARCELLATION = "ParcellationWeightsMD5"  # SynthSeg's
