// A scoreboard for other programs, over TCP with a key. In one terminal `node 10-remote-manager.ts server`, in others
// `node 10-remote-manager.ts client`, on any machine. Without arguments: both at once.
import { Process, SyncManager } from 'multiproc'

const authKey = 'a key that only these programs know'

class Board {
  readonly scores = new Map<string, number>()
  add(player: string, points: number): number {
    const score = (this.scores.get(player) ?? 0) + points
    this.scores.set(player, score)
    return score
  }
  *ranking(): Generator<string> {
    for (const [player, score] of [...this.scores].sort((a, b) => b[1] - a[1])) yield `${player}: ${score}`
  }
}

// The server makes the one board that all clients get.
const board = new Board()
class Scores extends SyncManager.register('board', () => board) {}

async function play(player: string, points: number, port: number): Promise<void> {
  // Clients need to know no more than the name.
  const manager = await SyncManager.register('board').connect({ address: { port }, authKey })
  const remote = manager.board()
  for (let round = 0; round < 3; round++) await remote.add(player, points)
}

const [role, port = '50217'] = process.argv.slice(2)
if (role === 'server') {
  console.log(`listening on port ${port}, until Ctrl-C`)
  await new Scores({ address: { port: Number(port) }, authKey }).getServer().serveForever()
} else if (role === 'client') {
  await play(`player ${process.pid}`, 1, Number(port))
} else {
  const server = new Scores({ address: { port: 0 }, authKey }).start()
  const { port } = server.address as { port: number }
  const players = [new Process({ target: play, args: ['Ada', 2, port] }), new Process({ target: play, args: ['Bob', 3, port] })]
  for (const player of players) player.start()
  for (const player of players) await player.join()
  for await (const line of server.board().ranking()) console.log(line)
  await server.shutdown()
}
