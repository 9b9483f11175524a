"""NYU Depth V2 as arrays of MTAN: 288 x 384 frames with 13 classes, depth in metres and unit normals."""

from dataloaders.datasets.mtan import MtanArrays


class NYUv2Mtan(MtanArrays):
    """Keys ``seg`` (0..12, -1 ignored), ``depth`` (metres, 0 invalid) and ``normal`` (x, y, z in [-1, 1])."""

    num_classes = 13
