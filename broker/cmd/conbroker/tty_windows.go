package main

// controllingTerminal is where the person is, whatever standard input and output are.
const controllingTerminal = "CONIN$"
