module github.com/d13c7061/caddy-tim-callback/interop/tencentim

go 1.26

require github.com/dobyte/tencent-im v0.1.1
