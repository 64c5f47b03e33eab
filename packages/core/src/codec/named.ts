import { oneTable } from '../one-table.ts'

/**
 * How instances of a class go to another machine: by a name that both sides know, with parts. No function travels and no
 * module is loaded for them, so they may come from somebody who is allowed neither.
 */
export interface NamedType<T extends object = object> {
  readonly class: abstract new (...args: never[]) => T
  /** Package and class: `manager.Proxy`. Several classes may have one name. */
  readonly name: string
  /** The parts: any values that can be sent. May throw what the sender is told, with the path. */
  reduce(value: T): readonly unknown[]
  /** May get anything: the other side is another program. */
  revive(...parts: unknown[]): unknown
}

const { byClass, byName } = oneTable('named', () => ({ byClass: new Map<unknown, NamedType>(), byName: new Map<string, NamedType>() }))

/** Says how instances of a class (not of its subclasses) are sent to another machine. */
export function registerNamed<T extends object>(type: NamedType<T>): void {
  byClass.set(type.class, type as unknown as NamedType)
  byName.set(type.name, type as unknown as NamedType)
}

export function namedTypeOf(Class: unknown): NamedType | undefined {
  return byClass.get(Class)
}

export function namedType(name: string): NamedType | undefined {
  return byName.get(name)
}
