/**
 * Numbers, arrays and bytes that processes and threads share, without copying.
 *
 * ```ts
 * import { Process } from '@multiproc/process'
 * import { SharedArray, SharedValue } from '@multiproc/shared'
 *
 * const hits = new SharedValue('int32')
 * const sums = new SharedArray('float64', 8)
 * const target = (hits: SharedValue<'int32'>, sums: SharedArray<'float64'>) => {
 *   hits.add(1)
 *   sums.array.fill(0.5)
 * }
 * const child = new Process({ target, args: [hits, sums] }).start()
 * await child.join()
 * console.log(hits.value, sums.at(7)) // => 1 0.5
 * ```
 *
 * Limits: names are for Linux; what a killed process wrote half stays half written.
 *
 * @packageDocumentation
 */
export { SharedArray } from './shared-array.ts'
export { SharedMemory, type SharedMemoryOptions } from './shared-memory.ts'
export { ShareableList, type ShareableItem } from './shareable-list.ts'
export { SharedStruct, type StructFields, type StructValues } from './shared-struct.ts'
export { SharedValue } from './shared-value.ts'
export type { SharedOptions } from './options.ts'
export type { ArrayOf, Typecode, TypeName, ValueOf } from './types.ts'
export { AbortError, MultiprocError, registerReducer } from '@multiproc/core'
