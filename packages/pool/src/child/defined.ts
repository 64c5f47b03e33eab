/** What the pool of this worker process defined: functions and the values of constants, by key. */
const values = new Map<number, unknown>()
/** Why one that was sent cannot be used here: told to each task that names it. */
const broken = new Map<number, unknown>()
const constants = new Map<number, object>()
let isMissing = false

export function define(key: number, value: unknown): void {
  broken.delete(key)
  values.set(key, value)
}

export function defineBroken(key: number, error: unknown): void {
  broken.set(key, error)
}

export function forget(key: number): void {
  broken.delete(key)
  values.delete(key)
  constants.delete(key)
}

/** Throws, and notes, when there is none. */
export function defined(key: number): unknown {
  if (broken.has(key)) throw broken.get(key)
  if (!values.has(key)) {
    isMissing = true
    throw new Error(`The pool took back what its tasks know as ${key}.`)
  }
  return values.get(key)
}

/** True if something was missing since the last time this was asked. */
export function takeMissing(): boolean {
  const was = isMissing
  isMissing = false
  return was
}

/** A `Constant` of the pool, as its tasks see it: the same one each time. */
export function definedValue(key: number): never {
  let constant = constants.get(key)
  if (constant === undefined) {
    constant = Object.freeze({ value: defined(key) })
    constants.set(key, constant)
  }
  return constant as never
}
