import Foundation
import PackagePlugin

/// Runs `EmbedSQL` over the top-level `sql/` whenever one of its files has changed.
@main
struct EmbedSQLPlugin: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let sql = context.package.directoryURL.appending(path: "sql")
        let output = context.pluginWorkDirectoryURL.appending(path: "BuiltinSQL.swift")
        let files =
            (FileManager.default.enumerator(at: sql, includingPropertiesForKeys: nil)?.allObjects ?? [])
            .compactMap { $0 as? URL }
            .filter { $0.pathExtension == "sql" }
            .sorted { $0.path < $1.path }
        return [
            .buildCommand(
                displayName: "Embedding \(files.count) SQL files",
                executable: try context.tool(named: "EmbedSQL").url,
                arguments: [sql.path, output.path] + files.map(\.path),
                inputFiles: files, outputFiles: [output])
        ]
    }
}
