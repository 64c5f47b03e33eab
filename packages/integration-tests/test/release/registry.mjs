// A registry of its own on a free port of this machine, which knows no other. Prints its address.
import { once } from 'node:events'
import { parseConfigFile, runServer } from 'verdaccio'

const config = parseConfigFile(process.argv[2])
const server = await runServer({ ...config, configPath: process.argv[2] })
server.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log(`at http://127.0.0.1:${server.address().port}/`)
