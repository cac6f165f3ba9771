console.log(JSON.stringify({ tookMs: performance.now() }))

export {}
