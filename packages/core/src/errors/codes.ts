/**
 * Every code this library throws: one code, one meaning. `when` is what happened, `then` is what to do about it. The
 * page docs/reference/errors.md is made from this table (tools/check-error-codes.mjs), which also checks that each code here
 * is thrown somewhere, or marked `planned`, and that each code thrown is here.
 */
export interface CodeEntry {
  readonly when: string
  readonly then: string
  /** No throw site yet. */
  readonly planned?: true
}

export const codes = {
  ERR_MULTIPROC_ARG_TYPE: {
    when: 'An argument or option has the wrong type. Thrown as a `TypeError`, before anything happened.',
    then: 'Pass what the message names.',
  },
  ERR_MULTIPROC_ARG_VALUE: {
    when: 'An argument or option has the right type and a value out of range. Thrown as a `RangeError`.',
    then: 'Pass a value within the bounds the message names.',
  },
  ERR_MULTIPROC_UNKNOWN_OPTION: {
    when: 'An options object has a key the call does not know. Thrown as a `TypeError`.',
    then: "Correct the spelling; the message names the options there are, and ours for one of Python's.",
  },
  ERR_MULTIPROC_CLOSED: {
    when: 'A handle was used, or sent, after its `close()`.',
    then: 'Close a handle only after its last use, or make a new one.',
  },
  ERR_MULTIPROC_SHUT_DOWN: {
    when: 'The queue was shut down: nothing can be put, and nothing is left to get (`ShutDown`).',
    then: 'End the loop; make a new queue to go on.',
  },
  ERR_MULTIPROC_FULL: {
    when: 'There was no room within the timeout (`Full`). Nothing was put.',
    then: 'Wait longer, read faster, or raise the limit the message names.',
  },
  ERR_MULTIPROC_EMPTY: {
    when: 'There was nothing to take within the timeout (`Empty`).',
    then: 'Wait longer or try again later.',
  },
  ERR_MULTIPROC_TIMEOUT: {
    when: 'The call waited for its `timeout` (`TimeoutError`). Nothing was taken, put or changed.',
    then: 'Raise the timeout, or look at why the other side takes so long.',
  },
  ERR_MULTIPROC_EOF: {
    when: 'Nobody is left who could send, those killed included (`EOFError`).',
    then: 'End the loop; `for await` does so by itself.',
  },
  ERR_MULTIPROC_DEADLOCK: {
    when: 'The thread waits, without a timeout, for something only itself could release.',
    then: 'Release first, use an `RLock`, or pass a timeout.',
  },
  ERR_MULTIPROC_NOT_OWNER: {
    when: 'A lock was released by a thread that does not hold it.',
    then: 'Release where it was acquired; for hand-overs use `Semaphore(1)`.',
  },
  ERR_MULTIPROC_NOT_STARTED: {
    when: 'The call needs a process (pool, manager) that was started.',
    then: 'Call `start()` first.',
  },
  ERR_MULTIPROC_ALREADY_STARTED: {
    when: 'A process (manager) was started twice, or something was done that must come before its start or after its end.',
    then: 'Make a new one for each start; see the message for the rest.',
  },
  ERR_MULTIPROC_NOT_CHILD: {
    when: 'A process was joined or asked for its result by one that did not create it.',
    then: 'Join in the creator; hand results over by a queue or pipe.',
  },
  ERR_MULTIPROC_DAEMON_CHILD: {
    when: 'A daemonic process tried to start a process.',
    then: 'Start it with `daemon: false`, or start the children in the parent.',
  },
  ERR_MULTIPROC_BOOTSTRAP: {
    when: 'A process was started while the starting process still loads its own modules: every child would start more.',
    then: 'Start processes inside a function, or behind `if (isMainProcess)`.',
  },
  ERR_MULTIPROC_DEPTH: {
    when: 'Processes are nested deeper than `MULTIPROC_MAX_DEPTH`.',
    then: 'Look for a child that starts itself; raise the limit if the nesting is meant.',
  },
  ERR_MULTIPROC_PROCESS_LIMIT: {
    when: 'More processes are alive than `MULTIPROC_MAX_PROCESSES`.',
    then: 'Join or end some, use a `Pool`, or raise the limit.',
  },
  ERR_MULTIPROC_SPAWN: {
    when: 'The operating system refused to start the process.',
    then: 'See `cause`: the executable, its permissions, memory or process limits.',
  },
  ERR_MULTIPROC_NOT_SENDABLE: {
    when: 'A value cannot be sent to another process; the message names the path to it and its kind.',
    then: 'Leave it out, send what it is made from, or give its class a reducer (`registerReducer`).',
  },
  ERR_MULTIPROC_CAPTURES_THIS: {
    when: 'A function uses the `this` around it, which cannot be read.',
    then: 'Put what it needs into a variable, or pass it as an argument.',
  },
  ERR_MULTIPROC_AMBIGUOUS_CAPTURE: {
    when: 'Whether two functions share a variable that changes cannot be decided.',
    then: 'Export the functions from a module, or keep the variable in one object both use.',
  },
  ERR_MULTIPROC_PRIVATE_STATE: {
    when: 'An instance has `#private` fields that cannot be read from outside its class.',
    then: 'Give its class a reducer (`registerReducer`).',
  },
  ERR_MULTIPROC_SUPER: {
    when: 'A method that uses `super` was sent without its class or object.',
    then: 'Send the class, or an instance and the name of the method.',
  },
  ERR_MULTIPROC_TDZ: {
    when: 'A function captures a variable that has no value yet.',
    then: 'Send it after the variable was initialised.',
  },
  ERR_MULTIPROC_NO_SOURCE: {
    when: 'The source of a function cannot be read, or cannot be understood (native, another context, direct eval).',
    then: 'Send a function that is written in a file and export it there.',
  },
  ERR_MULTIPROC_EXPORT_DIFFERS: {
    when: 'The module that exports a function does not export the same one in the receiving process.',
    then: 'See that both processes load the same version of the file.',
  },
  ERR_MULTIPROC_NO_CLOSURE: {
    when: 'A function, class or instance was met and nothing is installed that can send functions.',
    then: "Import '@multiproc/closure' (every package above core does).",
  },
  ERR_MULTIPROC_LAYOUT: {
    when: 'The two sides use versions of a package whose memory layouts or messages differ.',
    then: 'Install one version of the package the message names.',
  },
  ERR_MULTIPROC_FOREIGN: {
    when: 'A handle reached a process that does not belong to its family (`fork`, `cluster`, `postMessage`, another program); or a named object belongs to another user, or is none of ours.',
    then: 'Meet by `name` (locks, shared memory) or by address (`Manager`).',
  },
  ERR_MULTIPROC_EXISTS: {
    when: 'A named object exists already, or was made with other parameters.',
    then: "Open it with `create: false`, or choose another name. `create: 'exclusive'` asks for this error.",
  },
  ERR_MULTIPROC_NOT_FOUND: {
    when: 'There is no object of this name, or it is gone.',
    then: 'See that its creator runs and has not unlinked it.',
  },
  ERR_MULTIPROC_NO_MEMORY: {
    when: 'Shared memory, or a table in it, is used up.',
    then: 'Close handles that are not needed, take messages that wait, or raise the limit the message names.',
  },
  ERR_MULTIPROC_UNSUPPORTED: {
    when: 'The platform, the runtime or the start method cannot do this.',
    then: 'The message names what to use instead.',
  },
  ERR_MULTIPROC_AUTH: {
    when: 'The other side does not know the authentication key (`AuthenticationError`).',
    then: 'Give both sides the same `authKey`.',
  },
  ERR_MULTIPROC_BAD_FRAME: {
    when: 'Bytes that are not a message of this library, or a damaged one.',
    then: 'See that only this library writes there, and that both sides use one version.',
  },
  ERR_MULTIPROC_TOO_LARGE: {
    when: 'A message is longer, or nested deeper, than its limit.',
    then: 'Send it in parts, or as shared memory.',
  },
  ERR_MULTIPROC_BUFFER_TOO_SHORT: {
    when: 'A message is longer than `maxLength` or the buffer given (`BufferTooShort`). It stays.',
    then: 'Receive again with more room: `details.length` is what it takes.',
  },
  ERR_MULTIPROC_WORKER_LOST: {
    when: 'A pool worker ended while it ran the task (`WorkerLostError`).',
    then: 'See `exitCode` and `signalCode`; set `retry` for tasks that may run twice.',
  },
  ERR_MULTIPROC_PROCESS_EXIT: {
    when: 'A process ended without a result (`ProcessExitError`).',
    then: 'See `exitCode` and `signalCode`, and what it wrote to stderr.',
  },
  ERR_MULTIPROC_SERVER_LOST: {
    when: "The manager's server process is gone (`ServerLostError`).",
    then: 'Start a new manager; its objects are lost.',
  },
  ERR_MULTIPROC_ABANDONED: {
    when: 'The holder of a lock died, and the lock was made with `onAbandoned: \'throw\'` (`AbandonedError`).',
    then: 'Repair the data it guards, then acquire again: nobody holds it now.',
  },
  ERR_MULTIPROC_BROKEN_BARRIER: {
    when: 'A barrier was aborted, reset, timed out, or lost a party (`BrokenBarrierError`).',
    then: 'Call `reset()` when all parties are ready to begin again.',
  },
  ERR_MULTIPROC_ENCODING: {
    when: 'A result or error could not be sent back (`MaybeEncodingError`).',
    then: 'Return something that can be sent: see `cause`.',
  },
  ERR_MULTIPROC_REMOTE: {
    when: "Another process threw something whose class cannot be rebuilt here; or an earlier call of a manager's proxy failed, and nobody awaited it (`RemoteError`).",
    then: 'See `cause`, `originalName` and `remoteStack`; export the class from a module to get the original.',
  },
  ABORT_ERR: {
    when: 'The `signal` of the call was aborted (`AbortError`). Nothing was taken, put or changed by a wait; a barrier that a party leaves is broken, and an aborted task may have run in part.',
    then: '`cause` is the reason of the signal.',
  },
} as const satisfies Record<string, CodeEntry>

export type ErrorCode = keyof typeof codes
