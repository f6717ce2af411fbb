/// An option of the generator that is out of its range.
package struct GeneratorError: Error, Equatable, CustomStringConvertible {
    /// The name of the property of `GeneratorOptions`.
    package var option: String
    package var value: String
    /// What would be accepted, in words.
    package var range: String

    package init(option: String, value: String, range: String) {
        self.option = option
        self.value = value
        self.range = range
    }

    package var description: String {
        "cannot generate with \(option) = \(value): it goes from \(range)"
    }
}
