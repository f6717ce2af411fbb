import Foundation

/// Writes a Swift file that holds the given SQL files, each under its path relative to the root.
///
/// Called by the build: `EmbedSQL ROOT OUTPUT FILE…`.
@main
enum EmbedSQL {
    static func main() throws {
        let arguments = CommandLine.arguments
        let root = arguments[1] + "/"
        var source = "extension SQLFiles {\n    static let builtinTexts: [(path: String, text: String)] = [\n"
        for file in arguments.dropFirst(3) {
            let text = try String(contentsOfFile: file, encoding: .utf8)
            // A raw string with more signs than any text will hold needs no escapes.
            source += "        (\"\(file.dropFirst(root.count))\", ####\"\"\"\n\(text)\n\"\"\"####),\n"
        }
        source += "    ]\n}\n"
        try source.write(toFile: arguments[2], atomically: true, encoding: .utf8)
    }
}
