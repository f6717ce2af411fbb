import Extract
import Foundation
import Testing

/// Which files a pattern finds, and in which order.
@Suite
struct FilePatternTests {
    private let folder: FolderOfFiles

    init() throws {
        folder = try FolderOfFiles()
        for name in [
            "a1.log", "a2.log", "a10.log", "b1.log", ".hidden.log", "[x].log", "top.csv", "ä.log",
            "in/a1.log", "in/deep/a1.log", "in/deep/er/b.log", ".git/a1.log", "in/.cache/a1.log",
        ] {
            try folder.write(name, "x")
        }
        try FileManager.default.createDirectory(
            atPath: folder.path("dir.log"), withIntermediateDirectories: true)
    }

    @Test(
        "Each wildcard finds what the shell would",
        arguments: [
            ("a?.log", ["a1.log", "a2.log"]), ("a*.log", ["a1.log", "a10.log", "a2.log"]),
            ("[ab]1.log", ["a1.log", "b1.log"]), ("[!a]1.log", ["b1.log"]),
            ("a[0-9].log", ["a1.log", "a2.log"]),
            (".*.log", [".hidden.log"]), ("*.none", []), ("*/a1.log", ["in/a1.log"]),
            ("none/*.log", []), ("[[]x].log", ["[x].log"]), ("in/*/*.log", ["in/deep/a1.log"]),
            ("**/a1.log", ["a1.log", "in/a1.log", "in/deep/a1.log"]),
            ("in/**", ["in/a1.log", "in/deep/a1.log", "in/deep/er/b.log"]),
            ("in/**/b.log", ["in/deep/er/b.log"]),
            ("**/deep/**/*.log", ["in/deep/a1.log", "in/deep/er/b.log"]),
            ("**/**/er/*", ["in/deep/er/b.log"]), ("in/.cache/*", ["in/.cache/a1.log"]),
        ] as [(String, [String])])
    func wildcards(_ pattern: String, _ names: [String]) throws {
        #expect(try folder.files(pattern).map(\.name) == names)
    }

    @Test("A star passes over dot files and folders")
    func stars() throws {
        #expect(
            Set(try folder.files("*.log").map(\.name))
                == ["a1.log", "a2.log", "a10.log", "b1.log", "[x].log", "ä.log"])
    }

    @Test("An absolute pattern gives absolute names, and the same files")
    func absolute() throws {
        let files = try FilePattern(folder.path("a?.log"), relativeTo: "/nowhere").files()
        #expect(files.map(\.name) == [folder.path("a1.log"), folder.path("a2.log")])
        #expect(files.map(\.path) == files.map(\.name))
    }

    @Test("The oldest modification comes first, equal ones by path")
    func order() throws {
        try folder.write("logs/c", "x", age: 30)
        try folder.write("logs/z", "x", age: 20)
        try folder.write("logs/b", "x", age: 10)
        try folder.write("logs/a", "xyz", age: 10)
        let files = try folder.files("logs/*")
        #expect(files.map(\.name) == ["logs/c", "logs/z", "logs/a", "logs/b"])
        #expect(files[2].size == 3)
    }

    @Test("A literal path that names nothing is missing; one that names a directory says what to write")
    func literals() throws {
        #expect(try folder.files("a1.log").map(\.name) == ["a1.log"])
        let missing = try #require(throws: ExtractError.self) { try folder.files("nothing.log") }
        #expect(missing.kind == .missing && missing.object == "nothing.log")
        let directory = try #require(throws: ExtractError.self) { try folder.files("in") }
        #expect(directory.kind == .unsupported && directory.message.contains("\"in/*\""))
    }

    @Test(
        "Links: to files they are followed, to folders by a star, by ** never, so that none leads in a circle"
    )
    func links() throws {
        try folder.write("links/real/x.log", "x")
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: folder.path("links/loop"), withDestinationPath: ".")
        try manager.createSymbolicLink(atPath: folder.path("links/x.log"), withDestinationPath: "real/x.log")
        try manager.createSymbolicLink(atPath: folder.path("links/gone.log"), withDestinationPath: "nowhere")
        // Two names of one file are one file: the name that is no link stays.
        #expect(try folder.files("links/**/*.log").map(\.name) == ["links/real/x.log"])
        #expect(try folder.files("links/x*").map(\.name) == ["links/x.log"])
        #expect(try folder.files("links/*/x.log").map(\.name) == ["links/real/x.log"])
        try manager.linkItem(atPath: folder.path("links/real/x.log"), toPath: folder.path("links/real/y.log"))
        #expect(try folder.files("links/real/*.log").map(\.name) == ["links/real/x.log"])
    }
}
