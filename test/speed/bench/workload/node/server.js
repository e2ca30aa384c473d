import Fastify from 'fastify'
import { readFileSync } from 'node:fs'

const revision = readFileSync(new URL('./revision', import.meta.url), 'utf8').trim()
const server = Fastify()
server.get('/', async () => ({ greeting: 'hello', revision }))
await server.listen({ port: 8080, host: '0.0.0.0' })
