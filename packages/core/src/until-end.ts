/** What `take` gives, one after the other, until it throws an `End`: for `for await` over what can be drained. */
export async function* untilEnd<T>(take: () => Promise<T>, End: abstract new (...args: never[]) => Error): AsyncGenerator<T, void, undefined> {
  for (;;) {
    let taken: T
    try {
      taken = await take()
    } catch (error) {
      if (error instanceof End) return
      throw error
    }
    yield taken
  }
}
