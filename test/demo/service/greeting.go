package main

// salutation is the start of every greeting. The demo's third build changes this line, as a developer would.
const salutation = "Hello"

func greet(name string) string {
	return salutation + ", " + name + "!"
}
