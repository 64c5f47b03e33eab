/**
 * Every `// PUBLISH(id)` has its `// OBSERVE(id)` in the same package, and the reverse: a store that makes plain bytes
 * visible is worth nothing without the load that looks for it, and the two are found by their id.
 */
import { filesUnder, packageFolders, report } from './sources.mjs'

const faults = []
let pairs = 0
for (const folder of packageFolders) {
  const points = { PUBLISH: new Map(), OBSERVE: new Map() }
  for (const [path, text] of filesUnder(folder, 'src')) {
    for (const { 1: kind, 2: ids, index } of text.matchAll(/^[^\n]*?\/\/[^\n]*?\b(PUBLISH|OBSERVE)\(([A-Z]\w*(?:, ?[A-Z]\w*)*)\)(?= *:|[ ,.]|$)/gm)) {
      const line = text.slice(0, index).split('\n').length
      for (const id of ids.split(/, ?/)) points[kind].set(id, `${path}:${line}`)
    }
  }
  for (const [id, place] of points.PUBLISH) {
    if (points.OBSERVE.has(id)) pairs++
    else faults.push(`${place}: PUBLISH(${id}) without OBSERVE(${id})`)
  }
  for (const [id, place] of points.OBSERVE) if (!points.PUBLISH.has(id)) faults.push(`${place}: OBSERVE(${id}) without PUBLISH(${id})`)
}
report(faults, `${pairs} sync points, each with both ends`)
