/**
 * What a message is made of. One format for every value; a message needs nothing from the messages before it.
 *
 * Layout v1 (little endian)
 *   0        byte: version << 4 | flags
 *   1        the value: a tag byte, then what the tag needs; containers hold values
 *   …        trailer, with FUNCTIONS or HANDLES:
 *              FUNCTIONS  varint length, a message: the heads of all functions, in table order
 *              HANDLES    varint count, varint positions of the HANDLE tags
 *   end - 4  uint32 where the trailer begins, with FUNCTIONS or HANDLES
 *
 * Objects are numbered in the order their tags appear, containers before what they hold; REF names one by its number.
 * A message without REF says so in its flags: then its reader keeps no list.
 */
export const VERSION = 1

export const REFS = 1
export const FUNCTIONS = 2
export const HANDLES = 4

/** Deeper values are refused on both sides, before the stack ends: also where no frame is optimized yet, 1,000 levels of instances did not always fit into Node's 984 KiB. */
export const MAX_DEPTH = 500
/** A reader counts up to three levels where the writer counts one (an instance, its built-in part, its class). */
export const MAX_READ_DEPTH = 3 * MAX_DEPTH + 10
/** A message longer than this is refused: lengths are uint32, and Node's copying calls take int32. */
export const MAX_MESSAGE_BYTES = 2 ** 31 - 1
/** An object with more keys is written as pairs: it is a dictionary, whose keys will not come again. */
export const MAX_SHAPE_KEYS = 32
/** A shape whose key list takes more bytes is not kept by readers. */
export const MAX_KEPT_SHAPE_BYTES = 1024

// 0x00–0x7f are the integers 0–127, 0x80–0x9f Latin-1 strings of 0–31 characters, 0xa0–0xaf arrays of 0–15 items.
export const SHORT_STRING = 0x80
export const SHORT_ARRAY = 0xa0
export const NULL = 0xb0
export const UNDEFINED = 0xb1
export const TRUE = 0xb2
export const FALSE = 0xb3
export const INT16 = 0xb4
export const INT32 = 0xb5
export const FLOAT = 0xb6
/** varint length, Latin-1 */
export const STRING = 0xb7
/** varint length in units, UTF-16: any string, lone surrogates included */
export const WIDE_STRING = 0xb8
export const BIGINT64 = 0xb9
/** byte sign, varint length, hexadecimal digits */
export const BIGINT = 0xba
/** byte kind, string: a registered or well-known symbol */
export const SYMBOL = 0xbb
/** varint length, items; an item may be HOLES */
export const ARRAY = 0xbc
/** varint count: so many absent items of the array around it */
export const HOLES = 0xbd
/** an array, then its named fields as an object */
export const NAMED_ARRAY = 0xbe
export const EMPTY_OBJECT = 0xc0
/** byte hash, varint count of keys, varint length of the key list, key list; then the values */
export const NEW_SHAPE = 0xc1
/** varint number of a shape of this message; then the values */
export const SHAPE = 0xc2
/** varint count, then key and value by turns */
export const PAIRS = 0xc3
/** varint number of an object of this message */
export const REF = 0xc4
export const DATE = 0xc5
export const REGEXP = 0xc6
export const MAP = 0xc7
export const SET = 0xc8
/** varint length, varint largest length + 1 or 0, bytes */
export const ARRAY_BUFFER = 0xc9
/** byte kind, the buffer, varint offset, varint length */
export const VIEW = 0xca
/** varint length, bytes: a Node Buffer, of its own bytes only */
export const BUFFER = 0xcb
/** the primitive */
export const BOXED = 0xcc
export const URL_ = 0xcd
export const URL_SEARCH_PARAMS = 0xce
/** byte kind, (name of our class,) byte of ERROR_* parts, the parts */
export const ERROR = 0xcf
/** message, name, stack */
export const DOM_EXCEPTION = 0xd0
/** varint index in the function table; at its first appearance: varint count, functions; varint count, parts */
export const FUNCTION = 0xd1
/** the class, fields */
export const INSTANCE = 0xd2
/** the class, a value of one of the tags above, fields: an instance of a class that extends a built-in one */
export const SUBCLASS = 0xd3
/** byte: 0 the function that rebuilds, 1 the class with the static method; varint count, parts */
export const REDUCED = 0xd4
/** see handles/in-flight.ts */
export const HANDLE = 0xd5
/** a handle: its view (handles/shared-view.ts) */
export const HANDLE_VIEW = 0xd6

/** string: the name; varint count, parts: a value that both sides know by name (named.ts) */
export const NAMED = 0xd7

export const ERROR_MESSAGE = 1
export const ERROR_STACK = 2
export const ERROR_CAUSE = 4
export const ERROR_ERRORS = 8
export const ERROR_NAME = 16
export const ERROR_FIELDS = 32

/** By kind; the last is followed by the name of one of our classes. */
export const ERROR_CLASSES = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError] as const
export const MULTIPROC_ERROR = ERROR_CLASSES.length

/** By kind; a Node version without Float16Array has no such views to send. */
export const VIEW_CLASSES: readonly string[] = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'DataView',
  'Float16Array',
]

/** Where a class keeps its own reducer: a method under the first, a static one under the second. */
export const REDUCE = Symbol.for('multiproc.reduce')
export const REBUILD = Symbol.for('multiproc.rebuild')
/** On a prototype: why its instances are not sent, a sentence with what to send instead. */
export const UNSENDABLE = Symbol.for('multiproc.unsendable')
