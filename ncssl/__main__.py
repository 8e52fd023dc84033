from ncssl.cli import main

main()
