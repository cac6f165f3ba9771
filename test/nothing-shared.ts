// Files that run in one process hand nothing on: what providers share goes with the file that made them.
import { afterAll } from 'vitest'
import { resetInstanceRole } from '../src/testing/index.js'

afterAll(() => resetInstanceRole())
