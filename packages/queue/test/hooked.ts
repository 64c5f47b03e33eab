/**
 * An item whose decoding runs code of the test's: `hook.run`. It hangs on the global object, because the class may travel by
 * value, and then it would bring a copy of what it refers to.
 */
export const hook: { run(): void } = { run: () => {} }
Object.assign(globalThis, { hookOfTheTest: () => hook.run() })

export class Hooked {
  [Symbol.for('multiproc.reduce')](): [] {
    return []
  }

  static [Symbol.for('multiproc.rebuild')](): Hooked {
    ;(globalThis as unknown as { hookOfTheTest(): void }).hookOfTheTest()
    return new this()
  }
}
