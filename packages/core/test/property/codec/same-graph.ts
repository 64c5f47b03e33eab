import { isDeepStrictEqual, types } from 'node:util'

/**
 * Whether two values are the same graph: equal by kind and content, and whatever is one object here is one object there.
 * Says where they differ; '' when they do not.
 */
export function sameGraph(a: unknown, b: unknown, path = 'value', pairs = new Map<object, object>(), back = new Map<object, object>()): string {
  if (!isObject(a) || !isObject(b)) return Object.is(a, b) ? '' : `${path}: ${String(a)} is not ${String(b)}`
  if (pairs.has(a) || back.has(b)) return pairs.get(a) === b && back.get(b) === a ? '' : `${path}: shared differently`
  pairs.set(a, b)
  back.set(b, a)
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: another class`
  const contents = contentsOf(a)
  const others = contentsOf(b)
  if (contents.length !== others.length) return `${path}: ${contents.length} parts, not ${others.length}`
  for (const [i, [key, item]] of contents.entries()) {
    const [otherKey, otherItem] = others[i] as [unknown, unknown]
    const difference =
      sameGraph(key, otherKey, `${path}<key ${i}>`, pairs, back) || sameGraph(item, otherItem, `${path}.${isObject(key) ? i : String(key)}`, pairs, back)
    if (difference) return difference
  }
  if (ArrayBuffer.isView(a) || types.isBoxedPrimitive(a) || types.isDate(a) || types.isRegExp(a)) {
    return isDeepStrictEqual(a, b) ? '' : `${path}: another content`
  }
  return Array.isArray(a) && a.length !== (b as unknown[]).length ? `${path}: another length` : ''
}

function contentsOf(value: object): [unknown, unknown][] {
  if (types.isMap(value)) return [...value]
  if (types.isSet(value)) return [...value].map((item, i) => [i, item])
  if (ArrayBuffer.isView(value)) return [['buffer', value.buffer.byteLength], ['offset', value.byteOffset]]
  if (types.isNativeError(value)) return [['message', value.message], ['stack', value.stack], ['cause', value.cause], ['name', value.name]]
  return Object.keys(value).map((key) => [key, (value as Record<string, unknown>)[key]])
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
