/**
 * Sends any function to another process: by reference where a module exports it, else by value, with everything it
 * captures. Importing this package is enough; from then on functions and classes may stand anywhere in a message.
 *
 * ```ts
 * import { serializeFunction, rebuildFunction } from '@multiproc/closure'
 *
 * const limit = 10
 * const bytes = serializeFunction((n: number) => Math.min(n, limit))
 * // in another process
 * rebuildFunction(bytes)(12) // => 10
 * ```
 *
 * Limits: captured variables are copies. What is written to them at one end is seen by nobody at the other. Globals
 * are the receiver's own, a user's included (`globalThis.x = …` must be set there too). A class arrives once: its
 * statics and captured variables are those of the first message. So does a function that can never change. In a bundle the library cannot be told from the
 * program, so the library's own functions would be copied too: keep `@multiproc/*` external.
 *
 * @packageDocumentation
 */
export { rebuildFunction, serializeFunction } from './bytes.ts'
export { resolveImport } from './resolution.ts'
export { isConstant } from './shipper.ts'
