import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { expect, test } from 'vitest'

// Set aside for documentation: nobody is there, should the guard let it through.
const ELSEWHERE = '203.0.113.1'
const REFUSED = `${ELSEWHERE} is not for tests`

test('no test asks anybody elsewhere by fetch', async () => {
  await expect(fetch(`http://${ELSEWHERE}/`)).rejects.toMatchObject({ cause: { message: REFUSED } })
})

test('no test asks anybody elsewhere by node:http, or on a socket of its own', async () => {
  expect(await once(http.get(`http://${ELSEWHERE}/`), 'error')).toMatchObject([{ message: REFUSED }])
  expect(await once(net.connect(80, ELSEWHERE), 'error')).toMatchObject([{ message: REFUSED }])
})
