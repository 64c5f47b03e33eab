/**
 * Which options of Node's a child inherits. Those that say *what* this process runs must not: with `-e CODE` kept, the
 * child would run CODE again instead of its own entry, and start children of its own, for ever. An inspector's port can
 * be listened on only once. What an env file said is in the environment already, and a snapshot has a program in it.
 */
const dropped = /^(?:-[epci]+|--(?:eval|print|check|interactive|run|input-type)(?:=.*)?|--(?:test|watch|inspect)(?:[=-].*)?|--(?:env-file|env-file-if-exists|build-snapshot|build-snapshot-config|snapshot-blob|build-sea)(?:=.*)?)$/s

export function inheritedExecArgv(execArgv: readonly string[]): string[] {
  return withoutDropped(execArgv)
}

/** The same for NODE_OPTIONS, whose words may be quoted. */
export function inheritedNodeOptions(nodeOptions: string): string {
  const words = nodeOptions.match(/(?:"(?:\\.|[^"\\])*"|\\.|[^\s"\\])+/g) ?? []
  const kept = withoutDropped(words)
  return kept.length === words.length ? nodeOptions : kept.join(' ')
}

/** An option without `=` may have its value in the next word, which never begins with a dash. */
function withoutDropped(words: readonly string[]): string[] {
  let dropping = false
  return words.filter((word) => {
    const option = word.replaceAll('"', '')
    if (option.startsWith('-')) dropping = dropped.test(option.replace(/^[^=]*/, (name) => name.replaceAll('_', '-')))
    return !dropping
  })
}
