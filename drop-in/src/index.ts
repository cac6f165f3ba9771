// Everything of the official package, of whichever version is installed, but for one function.
export * from 'official-imds'
export { fromInstanceMetadata } from './from-instance-metadata.js'
