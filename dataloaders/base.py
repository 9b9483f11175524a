"""What a data set is: an index of samples, and how to read one key of a sample."""

import posixpath
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from configs.errors import UserError
from dataloaders.fields import Field
from dataloaders.index import Bounds, leaves_root, read_index, splits_of
from dataloaders.normalisation import BGR_MEAN, Channels, Normalisation, Triple


class MultitaskDataset(ABC):
    """A split of a data set on disk. Subclasses say where samples are and how to read each key.

    A subclass gives ``fields``, ``__len__``, ``name`` and ``read``, and ``sources`` if results are to be kept.
    Its ``__init__``, if any, names its own options (``data.options`` of the YAML file) and hands everything else to
    this one.

    Args:
        root: the data root.
        split: "train" or "test"; "val" where ``has_validation``.
        keys: the keys wanted beside ``img`` and ``name``; files of other keys are never opened.

    Raises:
        UserError: the index is missing or malformed, or a wanted key is not one this data set has.
    """

    fields: ClassVar[Mapping[str, Field]]
    """Every key that ``read`` can give beside ``img``."""

    channels: ClassVar[Channels] = "bgr"
    """The order in which ``read`` gives the channels of an image."""
    mean: ClassVar[Triple] = BGR_MEAN
    """Subtracted from every image, in that order; ``data.mean`` takes its place."""
    std: ClassVar[Triple | None] = None
    """What images are then divided by; ``data.std`` takes its place."""

    def __init__(self, root: Path, split: str, keys: Collection[str], **options: Any) -> None:
        unknown = [key for key in keys if key not in self.fields]
        if unknown:
            raise UserError(
                f"the data set {type(self).__name__} has no '{unknown[0]}', which a task asks for; "
                f"it has {', '.join(self.fields)}"
            )
        if options:
            option = next(iter(options))
            raise UserError(f"data.options.{option}: unknown option of {type(self).__name__}; remove it")
        self.root = root
        self.split = split
        self.keys = tuple(keys)
        self.normalise()

    @classmethod
    def default_root(cls, options: Mapping[str, Any]) -> Path | None:
        """The data root where the user names none; most data sets have no such place."""
        return None

    @classmethod
    def has_validation(cls, root: Path, options: Mapping[str, Any]) -> bool:
        """Whether the data set at this root has a split ``val``, on which the best network of a training is chosen."""
        return False

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def name(self, index: int) -> str:
        """The sample's name."""

    @abstractmethod
    def read(self, index: int, key: str) -> Tensor:
        """One key of one sample, [C, H, W]; raises UserError naming the file.

        ``img`` is 0..255 in uint8 or float, in the order ``channels``, its mean not yet subtracted. For speed, other
        keys may be in the file's own type if their field has ``decode``. Nobody writes to the tensor.
        """

    def check(self) -> None:
        """Whatever can be checked of all samples without opening a file; raises UserError."""
        return

    def source(self, index: int, key: str) -> str:
        """Where a key of a sample comes from, for messages: its file, if it has one."""
        return f"sample '{self.name(index)}': {key}"

    def sources(self, index: int, key: str) -> Sequence[Path] | None:
        """The files that ``read`` opens for a key, so that kept results are made anew when one of them changes.

        None: not known; then no result is kept, lest it be stale.
        """
        return None

    def image_size(self, index: int, key: str) -> tuple[int, int] | None:
        """Height and width of what ``read`` gives, from a file's header, so that all are looked at before work starts.

        None: that is not known without reading. Raises UserError.
        """
        return None

    def field(self, key: str) -> Field:
        """The field of any key, ``img`` included."""
        return self._image if key == "img" else self.fields[key]

    def normalise(
        self, channels: Channels | None = None, mean: Triple | None = None, std: Triple | None = None
    ) -> None:
        """From now on give images in this order of channels, with this mean and deviation; None: the class's own."""
        self.normalisation = Normalisation(self.channels, self.mean, self.std).changed(channels, mean, std)
        self._image = Field(fill=0.0, decode=self.normalisation)

    def sample(self, index: int) -> dict[str, Tensor]:
        """What ``read`` gives for ``img`` and every wanted key, all of one size, but for values of the whole image.

        Raises:
            UserError: a file cannot be read, or its size is not the image's.
        """
        image = self._read_checked(index, "img")
        sample = {"img": image}
        for key in self.keys:
            sample[key] = value = self._read_checked(index, key)
            size = (1, 1) if self.fields[key].image_level else image.shape[1:]
            if value.shape[1:] != size and self.fields[key].image_level:
                raise UserError(
                    f"{self.source(index, key)}: {_describe(value)}, but '{key}' is of the whole image; "
                    f"give a tensor [C, 1, 1]"
                )
            if value.shape[1:] != size:
                raise self.sizes_differ(index, key, value.shape[1:], image.shape[1:])
        return sample

    def target(self, index: int, key: str) -> Tensor:
        """The final values of one key of one sample as it is, [C, H, W]."""
        value, field = self._read_checked(index, key), self.field(key)
        return (value if field.decode is None else field.decode(value)).to(field.dtype)

    def sizes_differ(self, index: int, key: str, size: Sequence[int], image: Sequence[int]) -> UserError:
        """The error for a key of another size (height, width) than the image's."""
        return UserError(
            f"{self.source(index, key)}: {size[0]} x {size[1]} pixels, but the image "
            f"{self.source(index, 'img')} has {image[0]} x {image[1]}; correct the file"
        )

    def _read_checked(self, index: int, key: str) -> Tensor:
        try:
            value = self.read(index, key)
        except OSError as error:
            source = self.source(index, key)
            raise UserError(f"{source}: cannot be read: {error}; see that it is there") from error
        if not isinstance(value, Tensor) or value.ndim != 3 or (key == "img" and len(value) != 3):
            raise UserError(
                f"{self.source(index, key)}: {type(self).__name__}.read gave {_describe(value)}; "
                f"expected a tensor [{3 if key == 'img' else 'C'}, H, W]"
            )
        return value


class IndexedDataset(MultitaskDataset):
    """A data set in AdaShare's layout: a JSON file at the root lists the paths of each sample of a split.

    Args:
        root, split, keys: as in the base class.
        follow_links: whether files may lie outside the data root, where links below it lead; links that stay below
            it, and a root that is one, need no leave.
    """

    index_file: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    """What the paths of a sample are, in the order of the index; ``img`` is one of them."""

    def __init__(
        self, root: Path, split: str, keys: Collection[str], follow_links: bool = False, **options: Any
    ) -> None:
        super().__init__(root, split, keys, **options)
        if not isinstance(follow_links, bool):
            raise UserError(f"data.options.follow_links: {follow_links!r} is neither true nor false")
        self._bounds = None if follow_links else Bounds(root)
        self.index = self._inside(root / self.index_file)
        rows = read_index(self.index, split, self.columns)
        wanted = {self.column(key) for key in ("img", *self.keys)}
        # Only what will be opened is kept: a large index would lie in the memory of every worker.
        places = {name: place for place, name in enumerate(self.columns) if name in wanted}
        self._paths = {name: [row[place] for row in rows] for name, place in places.items()}

    @classmethod
    def has_validation(cls, root: Path, options: Mapping[str, Any]) -> bool:
        return "val" in splits_of(root / cls.index_file)

    def __len__(self) -> int:
        return len(self._paths["img"])

    def name(self, index: int) -> str:
        return posixpath.basename(self._paths["img"][index])

    def column(self, key: str) -> str:
        """The column of the index that a key is read from."""
        return key

    def locate(self, relative: str) -> Path:
        """Where a path of the index lies."""
        return self.root / relative

    def path(self, index: int, key: str) -> Path:
        """The file of a key; raises UserError if the path, or a link in it, leads out of the data root."""
        relative = self._paths[self.column(key)][index]
        if leaves_root(relative):
            raise UserError(
                f"{self.index}: {self.split}[{index}]: the path '{relative}' leaves the data root; "
                f"paths must be relative to {self.root}"
            )
        return self._inside(self.locate(relative))

    def _inside(self, path: Path) -> Path:
        if self._bounds is not None and (target := self._bounds.left_by(path)):
            raise UserError(
                f"{path}: a link leads out of the data root, to {target}; put the file itself there, or allow such "
                f"links with --set data.options.follow_links=true"
            )
        return path

    def source(self, index: int, key: str) -> str:
        return str(self.locate(self._paths[self.column(key)][index]))

    def sources(self, index: int, key: str) -> Sequence[Path]:
        return (self.locate(self._paths[self.column(key)][index]),)

    def check(self) -> None:
        for key in ("img", *self.keys):
            for index, relative in enumerate(self._paths[self.column(key)]):
                if leaves_root(relative):
                    self.path(index, key)


def _describe(value: object) -> str:
    return f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
