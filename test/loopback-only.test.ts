import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { expect, test } from 'vitest'

// An address that is reserved for documentation: nobody answers if the guard fails.
const ELSEWHERE = '203.0.113.1'
const REFUSED = `${ELSEWHERE} is not for tests`

test('refuses a fetch to another machine', async () => {
  await expect(fetch(`http://${ELSEWHERE}/`)).rejects.toMatchObject({ cause: { message: REFUSED } })
})

test('refuses node:http requests and sockets to another machine', async () => {
  expect(await once(http.get(`http://${ELSEWHERE}/`), 'error')).toMatchObject([{ message: REFUSED }])
  expect(await once(net.connect(80, ELSEWHERE), 'error')).toMatchObject([{ message: REFUSED }])
})
