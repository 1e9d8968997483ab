"""The loops over bytes that reading records takes, as plain functions of `bytes` or uint8 arrays.

`tfcli.data.records.compiled` runs them as Python where there is little to do, and as machine code where there is much.
So they keep to what `tfcli.engine.kernels.loops` translates. A negative result says that the bytes are malformed.
"""

from tfcli.engine.kernels.loops import Bytes, Words

BYTES, FLOATS, INTEGERS = 1, 2, 3
"""The kinds of values a Feature may hold, which are the numbers of its fields."""

HEADER, FOOTER = 12, 4
WHOLE, TRUNCATED, BAD_LENGTH, BAD_DATA = 0, 1, 2, 3


def varint(data: Bytes, place, end):
    """(value, place after it) of a varint as int64; place is -1 where it does not end before `end`."""
    value = 0
    shift = 0
    while place < end and shift < 64:
        byte = int(data[place])
        place += 1
        if shift == 63:  # the sign: Python's integers have none to overflow into
            value -= (1 << shift) if byte & 1 else 0
        else:
            value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
    return 0, -1


def crc(data: Bytes, place, end, tables: Words):
    """The CRC-32C of data[place:end], eight bytes at a time."""
    value = 0xFFFFFFFF
    while place + 8 <= end:
        low = value ^ (
            int(data[place]) | (int(data[place + 1]) << 8) | (int(data[place + 2]) << 16) | (int(data[place + 3]) << 24)
        )
        value = (
            int(tables[1792 + (low & 255)])
            ^ int(tables[1536 + ((low >> 8) & 255)])
            ^ int(tables[1280 + ((low >> 16) & 255)])
            ^ int(tables[1024 + ((low >> 24) & 255)])
            ^ int(tables[768 + (int(data[place + 4]))])
            ^ int(tables[512 + (int(data[place + 5]))])
            ^ int(tables[256 + (int(data[place + 6]))])
            ^ int(tables[(int(data[place + 7]))])
        )
        place += 8
    while place < end:
        value = (value >> 8) ^ int(tables[((value ^ int(data[place])) & 255)])
        place += 1
    return value ^ 0xFFFFFFFF


def checked(data: Bytes, place, end, tables: Words):
    """Whether the four bytes at `end` are the masked checksum of data[place:end]."""
    value = crc(data, place, end, tables)
    masked = (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    stored = int(data[end]) | (int(data[end + 1]) << 8) | (int(data[end + 2]) << 16) | (int(data[end + 3]) << 24)
    return masked == stored


def split_records(data: Bytes, place, end, tables: Words, starts: Words, ends: Words, intact: Bytes):
    """Find the records in data[place:end]: (how many, place of the first that is not there whole, what it lacks).

    A record whose data do not match their checksum is listed with `intact` 0. TRUNCATED may mean that the rest is
    still to be read; the bytes needed are then the last result.
    """
    count = 0
    while count < len(starts):
        if place + HEADER > end:
            return count, place, TRUNCATED, HEADER
        if not checked(data, place, place + 8, tables):
            return count, place, BAD_LENGTH, 0
        size = 0
        for i in range(7):
            size |= int(data[place + i]) << (8 * i)
        if int(data[place + 7]) > 0:
            return count, place, BAD_LENGTH, 0
        if size + HEADER + FOOTER > end - place:
            return count, place, TRUNCATED, size + HEADER + FOOTER
        start = place + HEADER
        starts[count] = start
        ends[count] = start + size
        intact[count] = 1 if checked(data, start, start + size, tables) else 0
        count += 1
        place = start + size + FOOTER
    return count, place, WHOLE, 0


def skipped(data: Bytes, place, end, wire):
    """The place after a field's content of a wire type; -1 where it is malformed."""
    if wire == 0:
        _, place = varint(data, place, end)
        return place
    if wire == 1:
        size = 8
    elif wire == 5:
        size = 4
    elif wire == 2:
        size, place = varint(data, place, end)
        if place < 0:
            return -1
    else:
        return -1
    return place + size if 0 <= size <= end - place else -1


def named(data: Bytes, start, end, names: Bytes, bounds: Words):
    """Which of the `names` (one after the other, from bounds[i] to bounds[i + 1]) data[start:end] is; -1 for none."""
    for i in range(len(bounds) - 1):
        first = int(bounds[i])
        if int(bounds[i + 1]) - first == end - start:
            same = True
            for k in range(end - start):
                if int(data[start + k]) != int(names[first + k]):
                    same = False
                    break
            if same:
                return i
    return -1


def find_features(
    data: Bytes, starts: Words, ends: Words, names: Bytes, bounds: Words, kinds: Bytes, first: Words, last: Words
):
    """Where each record's features are: kinds[r, f] and the bytes first[r, f] to last[r, f] of its list of values, with
    the axes (records, names) in one.

    Of a feature that occurs twice the last counts, as in every protobuf map. Returns the number of a malformed
    record, or -1.
    """
    for r in range(len(starts)):
        place = int(starts[r])
        end = int(ends[r])
        while place < end:
            tag, place = varint(data, place, end)
            if place < 0:
                return r
            if tag != 10:  # Example.features
                place = skipped(data, place, end, tag & 7)
                if place < 0:
                    return r
                continue
            size, place = varint(data, place, end)
            if place < 0 or size < 0 or size > end - place:
                return r
            row = r * (len(bounds) - 1)
            if not find_entries(data, place, place + size, names, bounds, kinds, first, last, row):
                return r
            place += size
    return -1


def find_entries(data: Bytes, place, end, names: Bytes, bounds: Words, kinds: Bytes, first: Words, last: Words, row):
    """The features of one Features message, from kinds[row] on; False where it is malformed."""
    while place < end:
        tag, place = varint(data, place, end)
        if place < 0:
            return False
        if tag != 10:  # Features.feature
            place = skipped(data, place, end, tag & 7)
            if place < 0:
                return False
            continue
        size, place = varint(data, place, end)
        if place < 0 or size < 0 or size > end - place:
            return False
        if not find_entry(data, place, place + size, names, bounds, kinds, first, last, row):
            return False
        place += size
    return True


def find_entry(data: Bytes, place, end, names: Bytes, bounds: Words, kinds: Bytes, first: Words, last: Words, row):
    """One pair of name and Feature; False where it is malformed."""
    index = -1
    value = 0
    value_end = 0
    while place < end:
        tag, place = varint(data, place, end)
        if place < 0:
            return False
        if tag == 10 or tag == 18:
            size, place = varint(data, place, end)
            if place < 0 or size < 0 or size > end - place:
                return False
            if tag == 10:
                index = named(data, place, place + size, names, bounds)
            else:
                value = place
                value_end = place + size
            place += size
        else:
            place = skipped(data, place, end, tag & 7)
            if place < 0:
                return False
    if index < 0:
        return True
    index += row
    kinds[index] = 0
    while value < value_end:
        tag, value = varint(data, value, value_end)
        if value < 0:
            return False
        if tag == 10 or tag == 18 or tag == 26:
            size, value = varint(data, value, value_end)
            if value < 0 or size < 0 or size > value_end - value:
                return False
            kinds[index] = tag >> 3
            first[index] = value
            last[index] = value + size
            value += size
        else:
            value = skipped(data, value, value_end, tag & 7)
            if value < 0:
                return False
    return True


def count_values(data: Bytes, place, end, kind):
    """How many values a list in data[place:end] has; -1 where it is malformed."""
    count = 0
    while place < end:
        tag, place = varint(data, place, end)
        if place < 0:
            return -1
        packed = tag == 10
        if packed:
            size, place = varint(data, place, end)
            if place < 0 or size < 0 or size > end - place:
                return -1
        if kind == BYTES:
            if not packed:
                return -1
            count += 1
            place += size
        elif kind == FLOATS:
            if packed and size % 4 == 0:
                count += size // 4
                place += size
            elif tag == 13 and end - place >= 4:
                count += 1
                place += 4
            else:
                return -1
        elif packed:
            stop = place + size
            while place < stop:
                if int(data[place]) < 128:
                    count += 1
                place += 1
        elif tag == 8:
            _, place = varint(data, place, end)
            if place < 0:
                return -1
            count += 1
        else:
            return -1
    return count


def count_lists(data: Bytes, kinds: Bytes, first: Words, last: Words, kind, counts: Words):
    """counts[r]: how many values of `kind` each list holds, 0 where there is none. The number of a malformed or
    differently typed list, or -1."""
    for r in range(len(counts)):
        counts[r] = 0
        if int(kinds[r]) == kind:
            counts[r] = count_values(data, int(first[r]), int(last[r]), kind)
            if int(counts[r]) < 0:
                return r
        elif int(kinds[r]) != 0 and int(last[r]) > int(first[r]):
            return r
    return -1


def read_integers(data: Bytes, kinds: Bytes, first: Words, last: Words, offsets: Words, values: Words):
    """The int64 values of lists that `count_lists` found right, list r from values[offsets[r]] on."""
    for r in range(len(kinds)):
        if int(kinds[r]) == INTEGERS:
            out = int(offsets[r])
            place = int(first[r])
            end = int(last[r])
            while place < end:
                tag, place = varint(data, place, end)
                stop = place
                if tag == 10:
                    size, place = varint(data, place, end)
                    stop = place + size
                else:
                    stop = place + 1
                while 0 <= place < stop:
                    value, place = varint(data, place, end)
                    if place < 0:
                        return r
                    values[out] = value
                    out += 1
    return -1


def read_floats(data: Bytes, kinds: Bytes, first: Words, last: Words, offsets: Words, values: Bytes):
    """The bytes of the float32 values, list r's from value offsets[r] on."""
    for r in range(len(kinds)):
        if int(kinds[r]) == FLOATS:
            out = 4 * int(offsets[r])
            place = int(first[r])
            end = int(last[r])
            while place < end:
                tag, place = varint(data, place, end)
                size = 4
                if tag == 10:
                    size, place = varint(data, place, end)
                for i in range(size):
                    values[out + i] = data[place + i]
                place += size
                out += size


def find_texts(data: Bytes, kinds: Bytes, first: Words, last: Words, offsets: Words, begins: Words, ends: Words):
    """Where the texts are, list r's from begins[offsets[r]] on."""
    for r in range(len(kinds)):
        if int(kinds[r]) == BYTES:
            out = int(offsets[r])
            place = int(first[r])
            end = int(last[r])
            while place < end:
                _, place = varint(data, place, end)
                size, place = varint(data, place, end)
                begins[out] = place
                ends[out] = place + size
                out += 1
                place += size


KERNELS = (
    varint,
    crc,
    checked,
    split_records,
    skipped,
    named,
    find_entry,
    find_entries,
    find_features,
    count_values,
    count_lists,
    read_integers,
    read_floats,
    find_texts,
)
"""All of them."""
