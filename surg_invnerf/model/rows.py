"""
Arithmetic on rows of eight float32 for numba kernels, in vector instructions.

LLVM cannot vectorise such short loops over arrays by itself: it must assume that they overlap.
A row is a tuple of eight numbers to numba, and one vector register to the machine.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
_ROW = types.UniTuple(types.float32, LANES)
_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_FAST = ('fast',)


@intrinsic
def load(typing, array, row):
    """Return row number `row` of a C-contiguous float32 array [R, 8]."""
    signature = _ROW(array, row)

    def generate(context, builder, signature, arguments):
        pointer = _row_pointer(context, builder, signature.args[0], *arguments)
        return _pack(builder, builder.load(pointer, align=4))

    return signature, generate


@intrinsic
def store(typing, array, row, values):
    """Write a row into a C-contiguous float32 array [R, 8]."""
    signature = types.none(array, row, values)

    def generate(context, builder, signature, arguments):
        pointer = _row_pointer(context, builder, signature.args[0], *arguments[:2])
        builder.store(_unpack(builder, arguments[2]), pointer, align=4)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def mix(typing, first, weight, second):
    """Return first + weight * second of two rows."""
    signature = _ROW(first, types.float32, second)

    def generate(context, builder, signature, arguments):
        first, weight, second = arguments
        scaled = builder.fmul(_splat(builder, weight), _unpack(builder, second), flags=_FAST)
        return _pack(builder, builder.fadd(_unpack(builder, first), scaled, flags=_FAST))

    return signature, generate


@intrinsic
def scale(typing, weight, values):
    """Return weight * values of a row."""
    signature = _ROW(types.float32, values)

    def generate(context, builder, signature, arguments):
        weight, values = arguments
        product = builder.fmul(_splat(builder, weight), _unpack(builder, values), flags=_FAST)
        return _pack(builder, product)

    return signature, generate


@intrinsic
def times(typing, first, second):
    """Return the element-wise product of two rows."""
    signature = _ROW(first, second)

    def generate(context, builder, signature, arguments):
        first, second = (_unpack(builder, value) for value in arguments)
        return _pack(builder, builder.fmul(first, second, flags=_FAST))

    return signature, generate


@intrinsic
def dot(typing, first, second):
    """Return the sum over the product of two rows."""
    signature = types.float32(first, second)

    def generate(context, builder, signature, arguments):
        first, second = (_unpack(builder, value) for value in arguments)
        vector = builder.fmul(first, second, flags=_FAST)
        width = LANES
        while width > 1:  # halves are added until one number is left
            width //= 2
            rotated = [(lane + width) % LANES for lane in range(LANES)]
            mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), rotated)
            high = builder.shuffle_vector(vector, ir.Constant(_VECTOR, ir.Undefined), mask)
            vector = builder.fadd(vector, high, flags=_FAST)
        return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

    return signature, generate


def _row_pointer(context, builder, array_type, array, row):
    struct = context.make_array(array_type)(context, builder, value=array)
    vectors = builder.bitcast(struct.data, _VECTOR.as_pointer())
    return builder.gep(vectors, [row])


def _splat(builder, value):
    vector = builder.insert_element(
        ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
    )
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(vector, ir.Constant(_VECTOR, ir.Undefined), zeros)


def _pack(builder, vector):
    lanes = [
        builder.extract_element(vector, ir.Constant(ir.IntType(32), lane)) for lane in range(LANES)
    ]
    return cgutils.pack_array(builder, lanes)


def _unpack(builder, row):
    vector = ir.Constant(_VECTOR, ir.Undefined)
    for lane in range(LANES):
        number = builder.extract_value(row, lane)
        vector = builder.insert_element(vector, number, ir.Constant(ir.IntType(32), lane))
    return vector
