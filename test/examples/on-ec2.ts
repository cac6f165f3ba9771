import { onTestFinished, vi } from 'vitest'
import { resetInstanceRole } from '../../src/testing/index.js'

/** The emulated EC2 of the examples, made anew: each test has an instance and an AWS of its own. */
export async function onEc2() {
  vi.resetModules()
  const ec2 = await import('../../examples/emulated-ec2.js')
  const leave = ec2.moveToEmulatedEc2()
  onTestFinished(async () => {
    leave()
    await ec2.instance.close()
    resetInstanceRole()
  })
  return ec2
}
