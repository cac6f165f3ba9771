// Test files that share a process share no provider state: it is reset after each file.
import { afterAll } from 'vitest'
import { resetInstanceRole } from '../src/testing/index.js'

afterAll(() => resetInstanceRole())
