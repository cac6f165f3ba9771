import { expect, test } from 'vitest'
import { WaitingCallers } from '../../src/provider/waiting-callers.js'

function setup(): {
  waiting: WaitingCallers
  join: <T>(work: Promise<T>) => Promise<T>
  handles: () => number
} {
  const waiting = new WaitingCallers()
  let handles = 0
  const keepAlive = (): (() => void) => {
    handles += 1
    return () => (handles -= 1)
  }
  return { waiting, join: (work) => waiting.join(work, { keepAlive }), handles: () => handles }
}

const never = new Promise<string>(() => {})

test('keeps the process alive with one handle, however many callers wait, until the last has left', async () => {
  const { waiting, join, handles } = setup()
  const crowd = Promise.allSettled(Array.from({ length: 1_000 }, () => join(never)))
  await join(Promise.resolve('held'))
  expect(handles()).toBe(1)

  waiting.sendAway(new Error('closed'))
  await crowd
  expect(handles()).toBe(0)
})

test('lets the process end when the last caller has its result or failure', async () => {
  const { join, handles } = setup()
  await Promise.allSettled([join(Promise.resolve('held')), join(Promise.reject(new Error('failed')))])
  expect(handles()).toBe(0)
})

test('rejects all waiting callers, and no later ones', async () => {
  const { waiting, join, handles } = setup()
  const sentAway = [join(never), join(never)].map((wait) => expect(wait).rejects.toThrow('closed'))
  waiting.sendAway(new Error('closed'))
  await Promise.all(sentAway)
  expect(handles()).toBe(0)
  await expect(join(Promise.resolve('held'))).resolves.toBe('held')
})

test('rejects nobody if nobody waits', async () => {
  const { waiting, join } = setup()
  waiting.sendAway(new Error('closed'))
  await expect(join(Promise.resolve('held'))).resolves.toBe('held')
})
