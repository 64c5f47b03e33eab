import { argumentType, argumentValue, checkOptions } from '@multiproc/core'
import { isPublic } from './types/registered.ts'
import type { Definition } from './types/registered.ts'

export interface RegisterOptions<E extends string = string, R extends Readonly<Record<string, string>> = Readonly<Record<string, string>>> {
  /** The methods, getters and fields that clients may reach, and no others. */
  readonly exposed?: readonly E[] | undefined
  /** By method: the registered type that its result is an object of. */
  readonly returns?: R | undefined
}

interface ManagerClass {
  readonly name: string
  readonly prototype: object
}

/** What was registered with each class itself. */
const tables = new WeakMap<object, Map<string, Definition>>()
const libraryClasses = new Set<object>()

/** A class that all users of this library share. */
export function makeLibraryClass(Class: object): void {
  libraryClasses.add(Class)
}

/**
 * Registers a type with a class of a user's; with one of this library's: for it alone, and with a subclass.
 * @returns the classes that have it now, the one to go on with last.
 */
export function addDefinition(Class: ManagerClass, name: string, make: unknown, options: RegisterOptions | undefined): ManagerClass[] {
  const call = `${Class.name}.register()`
  if (typeof name !== 'string') throw argumentType(`${call}: name`, 'a string', name)
  if (name === '' || !isPublic(name) || isTaken(Class, name)) throw argumentValue(`${call}: name`, "a name that neither begins with '_' nor is one of a manager's own methods", name)
  if (make !== undefined && typeof make !== 'function') throw argumentType(`${call}: classOrFactory`, 'a class or a function', make)
  checkOptions(call, options, ['exposed', 'returns'])
  const { exposed, returns } = options ?? {}
  if (exposed !== undefined && !(Array.isArray(exposed) && exposed.every((each) => typeof each === 'string'))) throw argumentType(`${call}: options.exposed`, 'an array of names', exposed)
  const hidden = exposed?.find((each) => !isPublic(each))
  if (hidden !== undefined) throw argumentValue(`${call}: options.exposed`, "names that neither begin with '_' nor lead away from the object", hidden)
  if (returns !== undefined && !(typeof returns === 'object' && returns !== null && Object.values(returns).every((each) => typeof each === 'string'))) {
    throw argumentType(`${call}: options.returns`, 'an object: for each method, the name of a type', returns)
  }
  const definition: Definition = { make: make as Function | undefined, exposed, returns }
  add(Class, name, definition)
  if (!libraryClasses.has(Class)) return [Class]
  const own = { [Class.name]: class extends (Class as new () => object) {} }[Class.name] as ManagerClass
  add(own, name, definition)
  return [Class, own]
}

/** All types of a class: its own, and those of its base classes, but not what others registered with the library's. */
export function definitionsOf(Class: object): Record<string, Definition> {
  const found: Record<string, Definition> = {}
  for (let level: object | null = Class; level !== null && level !== Function.prototype; level = Object.getPrototypeOf(level) as object | null) {
    if (level !== Class && libraryClasses.has(level)) break
    for (const [name, definition] of tables.get(level) ?? []) if (!Object.hasOwn(found, name)) found[name] = definition
  }
  return found
}

function add(Class: object, name: string, definition: Definition): void {
  const table = tables.get(Class) ?? new Map<string, Definition>()
  tables.set(Class, table.set(name, definition))
}

function isTaken({ prototype }: ManagerClass, name: string): boolean {
  for (let level: object | null = prototype; level !== null; level = Object.getPrototypeOf(level) as object | null) {
    if (Object.hasOwn(level, name)) return tables.get(level.constructor)?.has(name) !== true
  }
  return false
}
