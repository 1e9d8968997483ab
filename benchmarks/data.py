"""How fast data becomes batches, here and in tf.data, from the same files.

python benchmarks/data.py --data FOLDER                 here
python benchmarks/data.py --data FOLDER --tensorflow    tf.data, in a Python that has TensorFlow

FOLDER has adult/adult_train.csv, mnist/train-images-idx3-ubyte.gz and cifar10_png_subset/train. Each figure is the best
of several runs, on one core unless told otherwise (`taskset -c 0 python …`), first by the clock and then by processor
time, which other programs on the machine disturb less.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

RUNS = 5
NUMBERS = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
RECORDS = 40_000


def best(work: Callable[[], float]) -> tuple[float, float]:
    """Things a second, by the clock and by processor time, of the quickest of several runs; `work` gives how many
    things it did."""
    rates = []
    for _ in range(RUNS):
        started, used = time.perf_counter(), time.process_time()
        done = work()
        rates.append((done / (time.perf_counter() - started), done / (time.process_time() - used)))
    clock, processor = zip(*rates, strict=True)
    return max(clock), max(processor)


def mnist(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    import gzip

    images = np.frombuffer(
        gzip.decompress((folder / "mnist/train-images-idx3-ubyte.gz").read_bytes()), np.uint8, -1, 16
    )
    labels = np.frombuffer(gzip.decompress((folder / "mnist/train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, -1, 8)
    return images.reshape(-1, 28, 28, 1), labels.astype(np.int64)


def ours(folder: Path, records: Path) -> Iterator[tuple[str, tuple[float, float], str]]:
    import tfcli as tf
    from tfcli.data import DataSpec, prepare
    from tfcli.data.files import Blob
    from tfcli.data.images import decode_image
    from tfcli.data.records.examples import Parser
    from tfcli.data.records.frames import read_records

    spec = DataSpec(
        source={"type": "csv", "path": "adult/adult_train.csv", "label": "income"},
        features=dict.fromkeys(NUMBERS, "float"),
        pipeline=[{"type": "shuffle", "buffer_size": 50_000}, {"type": "batch", "batch_size": 256}],
    )

    def from_file() -> int:
        return sum(len(batch) for batch in prepare(spec, folder).train.batches(training=True))

    prepared = prepare(spec, folder)
    yield "adult.csv, from the file", best(from_file), "rows/s"
    yield "adult.csv, cached", best(lambda: sum(len(b) for b in prepared.train.batches(training=True))), "rows/s"

    x, y = mnist(folder)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=0).batch(128)
    yield "MNIST, shuffled, batches of 128", best(lambda: sum(len(labels) for _, labels in dataset)), "images/s"

    def read_pngs() -> int:
        files = sorted((folder / "cifar10_png_subset/train").rglob("*.png"))
        return len([decode_image(Blob(f.name, f).read(), 3, f.name) for f in files])

    yield "32x32 PNG files, one thread", best(read_pngs), "images/s"

    def folder_source() -> int:
        source = {"type": "image_folder", "path": "cifar10_png_subset/train"}
        return sum(len(batch) for batch in prepare(DataSpec(source=source), folder).train.batches())

    yield "32x32 PNG folder as a source", best(folder_source), "images/s"

    parser = Parser({"image": "string", "label": "int64"})

    def parse() -> float:
        for part in read_records(Blob("records", records)):
            parser.parse(part)
        return records.stat().st_size / 1e6

    yield "TFRecord, checked and parsed", best(parse), "MB/s"


def tensorflow(folder: Path, records: Path) -> Iterator[tuple[str, tuple[float, float], str]]:
    import tensorflow as tf

    def count(dataset) -> int:
        return sum(int(labels.shape[0]) for _, labels in dataset)

    with (folder / "adult/adult_train.csv").open() as file:
        names = file.readline().strip().split(",")
    chosen = [*NUMBERS, "income"]
    columns = [names.index(name) for name in chosen]
    defaults = [tf.float32 if names[i] in NUMBERS else tf.string for i in sorted(columns)]
    rows = tf.data.experimental.CsvDataset(
        str(folder / "adult/adult_train.csv"), defaults, header=True, select_cols=sorted(columns)
    ).map(lambda *row: (tf.stack(row[:-1]), row[-1]), num_parallel_calls=tf.data.AUTOTUNE)
    cached = rows.cache()
    count(cached.batch(256))
    yield "adult.csv, from the file", best(lambda: count(rows.shuffle(50_000).batch(256))), "rows/s"
    yield "adult.csv, cached", best(lambda: count(cached.shuffle(50_000).batch(256))), "rows/s"

    dataset = tf.data.Dataset.from_tensor_slices(mnist(folder)).shuffle(60_000, seed=0).batch(128)
    yield "MNIST, shuffled, batches of 128", best(lambda: count(dataset.prefetch(tf.data.AUTOTUNE))), "images/s"

    files = sorted(str(f) for f in (folder / "cifar10_png_subset/train").rglob("*.png"))
    pngs = tf.data.Dataset.from_tensor_slices(files).map(lambda f: tf.io.decode_png(tf.io.read_file(f), 3))
    yield "32x32 PNG files, one thread", best(lambda: len(list(pngs.batch(100))) * 100), "images/s"
    source = tf.keras.utils.image_dataset_from_directory(
        folder / "cifar10_png_subset/train", image_size=(32, 32), shuffle=False
    )
    yield "32x32 PNG folder as a source", best(lambda: count(source)), "images/s"

    features = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}
    parsed = tf.data.TFRecordDataset(str(records)).batch(512).map(lambda r: tf.io.parse_example(r, features))

    def parse() -> float:
        for _ in parsed:
            pass
        return records.stat().st_size / 1e6

    yield "TFRecord, checked and parsed", best(parse), "MB/s"


def write_records(path: Path, module) -> None:
    """Examples of 2,300 bytes and a label."""
    train, rng = module.train, np.random.default_rng(0)
    with module.io.TFRecordWriter(str(path)) as writer:
        for i in range(RECORDS):
            lists = {
                "image": train.Feature(bytes_list=train.BytesList(value=[rng.bytes(2300)])),
                "label": train.Feature(int64_list=train.Int64List(value=[i])),
            }
            writer.write(train.Example(features=train.Features(feature=lists)).SerializeToString())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tensorflow", action="store_true")
    given = parser.parse_args()
    if given.tensorflow:
        import tensorflow as module
    else:
        import tfcli as module
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder) / "records.tfrecord"
        write_records(records, module)
        for what, (clock, processor), unit in (tensorflow if given.tensorflow else ours)(given.data, records):
            print(f"{what:36} {clock:14,.0f} {processor:14,.0f} {unit}", flush=True)


if __name__ == "__main__":
    main()
